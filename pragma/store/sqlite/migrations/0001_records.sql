-- One row per record. kind and id compare as bytes (BINARY is the default
-- collation); due is in microseconds since 1970, NULL for no timer.
--
-- With a rowid: bodies of some kilobytes in the tree of the primary key cost
-- twice the processor time of this layout; small ones cost the same.
CREATE TABLE record (
	kind  TEXT    NOT NULL,
	id    TEXT    NOT NULL,
	rev   INTEGER NOT NULL,
	token BLOB    NOT NULL,
	due   INTEGER,
	body  BLOB    NOT NULL,
	PRIMARY KEY (kind, id)
) STRICT;

-- Serves Driver.Due in its order.
CREATE INDEX record_due ON record (kind, due, id) WHERE due IS NOT NULL;

-- One row per record. kind and id are bytea, which compares bytes whatever the
-- encoding and collation of the database; convert_from(id, 'UTF8') shows them as
-- text. due is in microseconds since 1970, NULL for no timer. Rows are replaced
-- all the time: room on their page lets that happen without touching an index.
CREATE TABLE record (
	kind  bytea  NOT NULL,
	id    bytea  NOT NULL,
	rev   bigint NOT NULL,
	token bytea  NOT NULL,
	due   bigint,
	body  bytea  NOT NULL,
	PRIMARY KEY (kind, id)
) WITH (fillfactor = 80);
CREATE INDEX record_due ON record (kind, due, id) WHERE due IS NOT NULL;

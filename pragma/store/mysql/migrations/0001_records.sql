-- One row per record. kind and id are VARBINARY, because text collations ignore
-- trailing spaces; due is in microseconds since 1970, NULL for no timer.
CREATE TABLE IF NOT EXISTS record (
	kind  VARBINARY(64)  NOT NULL,
	id    VARBINARY(128) NOT NULL,
	rev   BIGINT         NOT NULL,
	token BINARY(16)     NOT NULL,
	due   BIGINT         NULL,
	body  MEDIUMBLOB     NOT NULL,
	PRIMARY KEY (kind, id),
	KEY record_due (kind, due, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;

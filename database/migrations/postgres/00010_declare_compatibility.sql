-- latchkey: expand
-- +goose Up
-- The oldest schema whose programs can serve this database. Programs read it when they find migrations that they don't know.
CREATE TABLE schema_compatibility (
  id integer PRIMARY KEY CHECK (id = 1),
  oldest bigint NOT NULL
);
INSERT INTO schema_compatibility (id, oldest) VALUES (1, 10);

-- +goose Down
DROP TABLE schema_compatibility;

-- latchkey: expand
-- +goose Up
-- create "signing_keys" table
CREATE TABLE "signing_keys" (
  "id" character varying(64) NOT NULL,
  "algorithm" character varying(10) NOT NULL,
  "state" character varying(10) NOT NULL,
  "sealed" bytea NOT NULL,
  "created_at" timestamptz NOT NULL,
  "activated_at" timestamptz NULL,
  "retired_at" timestamptz NULL,
  PRIMARY KEY ("id")
);
-- create index "idx_signing_keys_state" to table: "signing_keys"
CREATE UNIQUE INDEX "idx_signing_keys_state" ON "signing_keys" ("state") WHERE ((state)::text <> 'retired'::text);

-- +goose Down
-- drop "signing_keys" table
DROP TABLE "signing_keys";

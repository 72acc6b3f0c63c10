-- latchkey: expand
-- +goose Up
-- modify "audit_events" table
ALTER TABLE "audit_events" ADD COLUMN "actor_id" uuid NULL, ADD COLUMN "detail" character varying(40) NOT NULL DEFAULT '';
-- modify "sessions" table
ALTER TABLE "sessions" ADD COLUMN "device_id" uuid NULL;
-- create "login_throttles" table
CREATE TABLE "login_throttles" (
  "account_id" uuid NOT NULL,
  "device_id" uuid NOT NULL,
  "failures" bigint NOT NULL,
  "refused" bigint NOT NULL,
  "failed_at" timestamptz NOT NULL,
  "locked_until" timestamptz NOT NULL,
  "seen_at" timestamptz NOT NULL,
  PRIMARY KEY ("account_id", "device_id")
);
-- create index "idx_login_throttles_seen_at" to table: "login_throttles"
CREATE INDEX "idx_login_throttles_seen_at" ON "login_throttles" ("seen_at");

-- +goose Down
-- modify "audit_events" table
ALTER TABLE "audit_events" DROP COLUMN "actor_id", DROP COLUMN "detail";
-- modify "sessions" table
ALTER TABLE "sessions" DROP COLUMN "device_id";
-- drop "login_throttles" table
DROP TABLE "login_throttles";

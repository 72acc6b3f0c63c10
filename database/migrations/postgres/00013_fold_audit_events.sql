-- latchkey: expand
-- +goose Up
-- modify "audit_events" table
ALTER TABLE "audit_events" ADD COLUMN "count" bigint NOT NULL DEFAULT 1, ADD COLUMN "last_at" timestamptz NULL;

-- +goose Down
-- modify "audit_events" table
ALTER TABLE "audit_events" DROP COLUMN "count", DROP COLUMN "last_at";

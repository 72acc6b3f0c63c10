-- latchkey: expand
-- +goose Up
-- modify "imported_accounts" table
ALTER TABLE "imported_accounts" ADD COLUMN "upgraded_mac" bytea NULL, ADD COLUMN "locale" character varying(35) NOT NULL DEFAULT '', ADD COLUMN "timezone" character varying(64) NOT NULL DEFAULT '', ADD COLUMN "deletion_due_at" timestamptz NULL;

-- +goose Down
-- modify "imported_accounts" table
ALTER TABLE "imported_accounts" DROP COLUMN "upgraded_mac", DROP COLUMN "locale", DROP COLUMN "timezone", DROP COLUMN "deletion_due_at";

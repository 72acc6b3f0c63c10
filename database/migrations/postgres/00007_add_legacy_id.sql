-- latchkey: expand
-- +goose Up
-- modify "users" table
ALTER TABLE "users" ADD COLUMN "legacy_id" bigint NULL, ADD COLUMN "legacy_username" character varying(150) NULL;
-- create index "idx_users_legacy_id" to table: "users"
CREATE UNIQUE INDEX "idx_users_legacy_id" ON "users" ("legacy_id");
-- create index "idx_users_legacy_username" to table: "users"
CREATE UNIQUE INDEX "idx_users_legacy_username" ON "users" ("legacy_username");
-- create "imported_accounts" table
CREATE TABLE "imported_accounts" (
  "user_id" uuid NOT NULL,
  "email" character varying(254) NOT NULL,
  "password_mac" bytea NOT NULL,
  "first_name" character varying(150) NOT NULL,
  "last_name" character varying(150) NOT NULL,
  "is_active" boolean NOT NULL,
  "is_staff" boolean NOT NULL,
  "is_superuser" boolean NOT NULL,
  PRIMARY KEY ("user_id"),
  CONSTRAINT "fk_imported_accounts_user" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON UPDATE NO ACTION ON DELETE CASCADE
);

-- +goose Down
-- drop "imported_accounts" table
DROP TABLE "imported_accounts";
-- modify "users" table
ALTER TABLE "users" DROP COLUMN "legacy_id", DROP COLUMN "legacy_username";

-- latchkey: expand
-- +goose Up
-- modify "users" table
ALTER TABLE "users" ADD COLUMN "email_verified_at" timestamptz NULL, ADD COLUMN "locale" character varying(35) NOT NULL DEFAULT '', ADD COLUMN "timezone" character varying(64) NOT NULL DEFAULT '', ADD COLUMN "deletion_due_at" timestamptz NULL;
-- create index "idx_users_deletion_due_at" to table: "users"
CREATE INDEX "idx_users_deletion_due_at" ON "users" ("deletion_due_at");
-- create "one_time_tokens" table
CREATE TABLE "one_time_tokens" (
  "id" uuid NOT NULL,
  "user_id" uuid NOT NULL,
  "purpose" character varying(20) NOT NULL,
  "address" character varying(254) NOT NULL,
  "tries" bigint NOT NULL,
  "created_at" timestamptz NOT NULL,
  "expires_at" timestamptz NOT NULL,
  "ended_at" timestamptz NULL,
  "end_reason" character varying(20) NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "fk_one_time_tokens_user" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON UPDATE NO ACTION ON DELETE CASCADE
);
-- create index "idx_one_time_tokens_address" to table: "one_time_tokens"
CREATE INDEX "idx_one_time_tokens_address" ON "one_time_tokens" ("address");
-- create index "idx_one_time_tokens_ended_at" to table: "one_time_tokens"
CREATE INDEX "idx_one_time_tokens_ended_at" ON "one_time_tokens" ("ended_at");
-- create index "idx_one_time_tokens_expires_at" to table: "one_time_tokens"
CREATE INDEX "idx_one_time_tokens_expires_at" ON "one_time_tokens" ("expires_at");
-- create index "idx_one_time_tokens_user_id" to table: "one_time_tokens"
CREATE INDEX "idx_one_time_tokens_user_id" ON "one_time_tokens" ("user_id");

-- +goose Down
-- modify "users" table
ALTER TABLE "users" DROP COLUMN "email_verified_at", DROP COLUMN "locale", DROP COLUMN "timezone", DROP COLUMN "deletion_due_at";
-- drop "one_time_tokens" table
DROP TABLE "one_time_tokens";

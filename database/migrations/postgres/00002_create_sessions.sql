-- latchkey: expand
-- +goose Up
-- create "audit_events" table
CREATE TABLE "audit_events" (
  "id" uuid NOT NULL,
  "kind" character varying(40) NOT NULL,
  "user_id" uuid NOT NULL,
  "session_id" uuid NOT NULL,
  "ip" character varying(45) NOT NULL,
  "request_id" character varying(64) NOT NULL,
  "created_at" timestamptz NOT NULL,
  PRIMARY KEY ("id")
);
-- create index "idx_audit_events_created_at" to table: "audit_events"
CREATE INDEX "idx_audit_events_created_at" ON "audit_events" ("created_at");
-- create index "idx_audit_events_kind" to table: "audit_events"
CREATE INDEX "idx_audit_events_kind" ON "audit_events" ("kind");
-- create index "idx_audit_events_user_id" to table: "audit_events"
CREATE INDEX "idx_audit_events_user_id" ON "audit_events" ("user_id");
-- create "periodic_jobs" table
CREATE TABLE "periodic_jobs" (
  "name" character varying(40) NOT NULL,
  "due_at" timestamptz NOT NULL,
  PRIMARY KEY ("name")
);
-- create "sessions" table
CREATE TABLE "sessions" (
  "id" uuid NOT NULL,
  "user_id" uuid NOT NULL,
  "client_name" character varying(100) NOT NULL,
  "user_agent" character varying(400) NOT NULL,
  "ip" character varying(45) NOT NULL,
  "auth_method" character varying(32) NOT NULL,
  "created_at" timestamptz NOT NULL,
  "last_used_at" timestamptz NOT NULL,
  "expires_at" timestamptz NOT NULL,
  "generation" bigint NOT NULL,
  "redeemed_fork" bigint NOT NULL,
  "fork" bigint NOT NULL,
  "redeemed_at" timestamptz NULL,
  "ended_at" timestamptz NULL,
  "end_reason" character varying(20) NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "fk_sessions_user" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON UPDATE NO ACTION ON DELETE CASCADE
);
-- create index "idx_sessions_ended_at" to table: "sessions"
CREATE INDEX "idx_sessions_ended_at" ON "sessions" ("ended_at");
-- create index "idx_sessions_expires_at" to table: "sessions"
CREATE INDEX "idx_sessions_expires_at" ON "sessions" ("expires_at");
-- create index "idx_sessions_last_used_at" to table: "sessions"
CREATE INDEX "idx_sessions_last_used_at" ON "sessions" ("last_used_at");
-- create index "idx_sessions_user_id" to table: "sessions"
CREATE INDEX "idx_sessions_user_id" ON "sessions" ("user_id");

-- +goose Down
-- drop "audit_events" table
DROP TABLE "audit_events";
-- drop "periodic_jobs" table
DROP TABLE "periodic_jobs";
-- drop "sessions" table
DROP TABLE "sessions";

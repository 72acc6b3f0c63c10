-- latchkey: expand
-- +goose Up
CREATE TABLE "users" (
  "id" uuid NOT NULL,
  "email" character varying(254) NOT NULL,
  "password" text NOT NULL,
  "first_name" character varying(150) NOT NULL,
  "last_name" character varying(150) NOT NULL,
  "is_active" boolean NOT NULL,
  "is_staff" boolean NOT NULL,
  "is_superuser" boolean NOT NULL,
  "date_joined" timestamptz NOT NULL,
  "last_login" timestamptz NULL,
  PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "idx_users_email" ON "users" ("email");

-- +goose Down
DROP TABLE "users";

# syntax=docker/dockerfile:1
# The program alone, static, as a user without rights: docker build -t latchkey .

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
COPY stubs stubs
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -tags nomsgpack,release -ldflags='-s -w' -o /latchkey .

# Certificates, time zones and a user, no shell. Its tag says Debian 12; the program uses nothing of it.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /latchkey /latchkey
ENV APP_ENV=production ADDR=0.0.0.0:8080
EXPOSE 8080
USER nonroot:nonroot
# There is no shell for a HEALTHCHECK; let the orchestrator ask GET /healthz (alive) and GET /readyz (may have requests).
ENTRYPOINT ["/latchkey"]

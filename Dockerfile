# syntax=docker/dockerfile:1
# An image with only the static program, which runs as an unprivileged user. Build it with: docker build -t latchkey .

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
COPY stubs stubs
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -tags nomsgpack,release -ldflags='-s -w' -o /latchkey .

# The base image has certificates, time zones and a user, but no shell. The program uses nothing else of Debian 12.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /latchkey /latchkey
ENV APP_ENV=production ADDR=0.0.0.0:8080
EXPOSE 8080
USER nonroot:nonroot
# There is no shell for a HEALTHCHECK. Let the orchestrator probe GET /healthz (liveness) and GET /readyz (readiness).
ENTRYPOINT ["/latchkey"]

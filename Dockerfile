# syntax=docker/dockerfile:1
# An image with only the static program, which runs as an unprivileged user:
#
#     docker build --build-arg VERSION=1.2.3 --build-arg COMMIT="$(git rev-parse HEAD)" --tag latchkey .
#
# With --platform linux/amd64,linux/arm64 it builds both from one machine, because Go compiles for either.

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS
ARG TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
COPY stubs stubs
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=
ARG COMMIT=
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -tags nomsgpack,release \
    -ldflags="-s -w ${VERSION:+-X latchkey/server.version=$VERSION} -X latchkey/server.commit=$COMMIT" -o /latchkey .
RUN mkdir -m 700 /data

# The base image has certificates, time zones and a user, but no shell. The program uses nothing else of Debian 12.
FROM gcr.io/distroless/static-debian12:nonroot
ARG VERSION=
ARG COMMIT=
LABEL org.opencontainers.image.title="Latchkey" \
      org.opencontainers.image.description="Sign-up, login and sessions for apps" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT"
COPY --from=build /latchkey /latchkey
# Nothing but an SQLite database is kept here. Docker gives a new volume the owner and mode of this folder.
COPY --from=build --chown=65532:65532 /data /data
VOLUME /data
WORKDIR /data
ENV APP_ENV=production ADDR=0.0.0.0:8080
EXPOSE 8080
USER 65532:65532
# Whatever replaces unhealthy containers must not do so while the database is away. The command itself gives up after 3 s.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/latchkey", "healthcheck", "--live"]
ENTRYPOINT ["/latchkey"]

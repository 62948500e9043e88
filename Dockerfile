# syntax=docker/dockerfile:1
#
# Two images of one binary:
#
#   binary   nothing but /gocache, for COPY --from, and to run by itself
#   go       the Go image with gocache in PATH, for jobs; the default
#
#   docker buildx build --target binary --platform linux/amd64,linux/arm64 .
#
# Equal sources and arguments give equal binaries, and with SOURCE_DATE_EPOCH and buildkit's rewrite-timestamp equal layers.
# The base is pinned by GO_IMAGE: a release passes it with its digest.
ARG GO_VERSION=1.26
ARG GO_IMAGE=docker.io/library/golang:${GO_VERSION}

# The compiler runs on the builder's own architecture, whatever the target.
FROM --platform=${BUILDPLATFORM} ${GO_IMAGE} AS build
ARG TARGETOS=linux
ARG TARGETARCH
ARG VERSION=devel
ARG REVISION=unknown
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The same flags as in .goreleaser.yaml: the binary of the image is the one of the release.
RUN CGO_ENABLED=0 GOFLAGS= GOOS=${TARGETOS} GOARCH=${TARGETARCH:-$(go env GOARCH)} go build -trimpath -buildvcs=false \
      -ldflags "-s -w -buildid= -X main.version=${VERSION} -X main.commit=${REVISION}" -o /out/gocache ./cmd/gocache
# No RUN comes after this stage, so that nothing has to be emulated for another architecture.
RUN mkdir -p /out/image/usr/local/bin /out/image/var/cache/ci && cp /out/gocache /out/image/usr/local/bin/ && chmod 1777 /out/image/var/cache/ci

# The certificates are for stores on https, when the image runs by itself.
FROM scratch AS binary
ARG VERSION=devel
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gocache" \
      org.opencontainers.image.description="Cache for Go in CI: the binary alone" \
      org.opencontainers.image.source="https://github.com/org/gocache-action" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/gocache /gocache
USER 65532:65532
ENTRYPOINT ["/gocache"]

FROM ${GO_IMAGE} AS go
ARG VERSION=devel
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gocache-go" \
      org.opencontainers.image.description="Go with gocache, as an image for CI jobs" \
      org.opencontainers.image.source="https://github.com/org/gocache-action" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/image/ /
# For jobs that run as any user, also one without an entry in /etc/passwd and so without a home: build cache and notes of
# gocache go to a place that all may write to. GOPATH in the Go image is such a place already.
ENV XDG_CACHE_HOME=/var/cache/ci

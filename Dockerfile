# docker build -t REGISTRY/tidegate:0.1.0 .
ARG RUST_IMAGE=docker.io/library/rust:1.95-bookworm
ARG GO_IMAGE=docker.io/library/golang:1.26-bookworm
# Has glibc and CA certificates, and no shell. Another base image must have /etc/ssl/certs.
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${RUST_IMAGE} AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN LIBZ_SYS_STATIC=1 cargo build --release --locked --bin tidegate

# Static, so that it needs nothing of the image below.
FROM ${GO_IMAGE} AS programs
ENV CGO_ENABLED=0 GOFLAGS=-trimpath
ARG KUSTOMIZE=v5.8.1
RUN go install -ldflags "-s -w -X sigs.k8s.io/kustomize/api/provenance.version=${KUSTOMIZE}" sigs.k8s.io/kustomize/kustomize/v5@${KUSTOMIZE}
ARG HELM=v4.3.1
RUN go install -ldflags "-s -w -X helm.sh/helm/v4/internal/version.version=${HELM}" helm.sh/helm/v4/cmd/helm@${HELM}
ARG SOPS=v3.13.3
RUN go install -ldflags "-s -w" github.com/getsops/sops/v3/cmd/sops@${SOPS}

FROM ${RUNTIME_IMAGE}
COPY --from=programs /go/bin/helm /go/bin/kustomize /go/bin/sops /usr/local/bin/
COPY --from=build /src/target/release/tidegate /usr/local/bin/tidegate
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/tidegate"]
CMD ["run", "--config", "/etc/tidegate/config/tidegate.yaml"]

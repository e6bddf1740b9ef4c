# docker build -t REGISTRY/tidegate:0.1.0 .
ARG RUST_IMAGE=docker.io/library/rust:1.95-bookworm
# Has glibc and CA certificates, and no shell. Another base image must have /etc/ssl/certs.
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${RUST_IMAGE} AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN LIBZ_SYS_STATIC=1 cargo build --release --locked --bin tidegate

FROM ${RUNTIME_IMAGE}
COPY --from=build /src/target/release/tidegate /usr/local/bin/tidegate
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/tidegate"]
CMD ["run", "--config", "/etc/tidegate/config/tidegate.yaml"]

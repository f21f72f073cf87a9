# One image of the `bandex` binary: it serves a node, and every other subcommand runs in it as well.

FROM rust:1.95-slim-bookworm AS builder
WORKDIR /source
COPY . .
# The caches outlive the layer, so that a change of one line does not build every dependency again. The binary is copied
# out because the cache of /source/target is no part of the layer.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --release --locked -p bandex-cli \
    && install -m 0755 target/release/bandex /usr/local/bin/bandex

FROM debian:bookworm-slim
# A volume that is new takes over the owner and the rights of the folder it is mounted on.
RUN groupadd --gid 10001 bandex \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin bandex \
    && install -d -o 10001 -g 10001 -m 0700 /data
COPY --from=builder /usr/local/bin/bandex /usr/local/bin/bandex
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/bandex/
USER 10001:10001
WORKDIR /data
VOLUME /data
# 8420 is for everybody, 8421 for the operator. Inside a container the operator's listener cannot bind the loopback
# address, as no published port would reach it; it asks for the token in /data/admin.token, and whoever publishes the
# port does so on 127.0.0.1 only.
EXPOSE 8420 8421
# With BANDEX_DATABASE_URL in its environment the node keeps journal and projections in PostgreSQL, and only keys and
# snapshots on the volume; without it all is on the volume, in SQLite files.
STOPSIGNAL SIGTERM
ENTRYPOINT ["bandex"]
CMD ["serve", "--data", "/data", "--listen", "0.0.0.0:8420", "--admin-listen", "0.0.0.0:8421"]

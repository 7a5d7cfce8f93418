# Caddy with Sidegate, built by xcaddy from this checkout:
#
#   docker build -f xcaddy.Dockerfile -t sidegate .
#   docker run -p 80:8080 -p 443:8443 -v caddy_data:/data -v ./Caddyfile:/etc/caddy/Caddyfile:ro \
#       -v ./secrets:/run/secrets:ro -e OKTA_CLIENT_ID sidegate
#
# The process has no privilege and listens on 8080 and 8443: put http_port 8080 and https_port 8443 into the
# global options. /data holds certificates and the key ring of the sessions: keep it.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
COPY tools/go.mod tools/go.sum tools/
RUN go mod download && cd tools && go mod download
COPY . .
RUN tools/xcaddy-build.sh /caddy && mkdir -p /empty/data /empty/config

# A static binary, the certificates by which it knows Okta, and nothing else: no shell to break out into.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /caddy /usr/bin/caddy
COPY --from=build --chown=65532:65532 /empty/ /
ENV XDG_DATA_HOME=/data XDG_CONFIG_HOME=/config
VOLUME /data /config
EXPOSE 8080 8443 8443/udp
USER 65532:65532
ENTRYPOINT ["/usr/bin/caddy"]
CMD ["run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]

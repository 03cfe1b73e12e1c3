# fovea's programs with libtensorflow, for plain use and for workers.
#
#   docker build -t fovea .
#   mkdir -p out
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD/photos:/photos:ro" -v "$PWD/out:/data" \
#     fovea --out /data/features /photos
#
# The programs run as the user 10001, who may not write to directories of yours: hence mkdir, since
# Docker would make out as root, and --user.
#
# For NVIDIA GPUs: --build-arg GPU=1, and docker run --gpus all.
#
# The images are named by their digests, as `docker buildx imagetools inspect golang:1.26.8-bookworm`
# prints them. What apt-get installs is the newest of Debian 12, which has the fixes.
FROM golang:1.26.8-bookworm@sha256:a688600ca24f8a4d3ca77f95b0dd40704a9fc787c826660eb7ba0b641b8b175d AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3-pip && rm -rf /var/lib/apt/lists/*
ARG GPU=
ARG VERSION=container
ENV GPU=$GPU FOVEA_CACHE=/cache
WORKDIR /src
# The libraries first, because they change less often than the code.
COPY go.mod go.sum ./
COPY scripts/deps.sh scripts/codecs.sh scripts/
COPY scripts/bind scripts/bind/
RUN scripts/deps.sh install && scripts/codecs.sh install
COPY beam/go.mod beam/go.sum beam/
RUN go mod download && cd beam && go mod download
COPY . .
# The layout is that of the tarball: the programs find the library relative to themselves.
RUN flags="-s -w -X fovea/app/cli.version=$VERSION" && \
    scripts/programs.sh /opt/fovea/bin /opt/fovea/lib . "$flags" && \
    scripts/programs.sh /opt/fovea/bin /opt/fovea/lib beam "$flags" && \
    cp LICENSE NOTICE scripts/licenses/* "$(scripts/codecs.sh dir)"/*LICENSE* /opt/fovea/

FROM debian:bookworm-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates libstdc++6 && \
    rm -rf /var/lib/apt/lists/* && useradd --uid 10001 --create-home fovea
COPY --from=build /opt/fovea /opt/fovea
ENV PATH=/opt/fovea/bin:$PATH FOVEA_CACHE=/home/fovea/.cache/fovea
USER 10001
WORKDIR /home/fovea
ENTRYPOINT ["extract"]

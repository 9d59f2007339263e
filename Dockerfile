# poolwatch as one image: worker, page, simulator and tools. Every package is pinned with its hash.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/poolwatch
ENV PATH=/opt/poolwatch/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock .
RUN pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY models models
COPY streams streams
COPY simulators simulators
COPY poolwatch poolwatch
RUN pip install --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
# numba keeps compiled code here: filled once, below. Another kind of processor compiles anew.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin poolwatch \
 && install -d -o poolwatch -g poolwatch /var/cache/poolwatch /var/lib/poolwatch
COPY --from=build /opt/poolwatch /opt/poolwatch
ENV PATH=/opt/poolwatch/bin:$PATH NUMBA_CACHE_DIR=/var/cache/poolwatch \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /tmp
RUN python -m models.warm
ENTRYPOINT ["poolwatch"]
CMD ["--help"]

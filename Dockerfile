# syntax=docker/dockerfile:1
# Two images of one program: `cpu` with torch's small build, `gpu` with the CUDA build from PyPI.

FROM python:3.12.11-slim-bookworm AS base
ENV PATH=/opt/tagwerk/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
# A new volume takes its owner from the folder that it covers.
RUN python -m venv /opt/tagwerk \
    && useradd --create-home --uid 10001 tagwerk \
    && install --directory --owner tagwerk --group tagwerk \
       /var/lib/tagwerk /var/lib/tagwerk/blobs /var/lib/tagwerk/taggers
WORKDIR /build
# What is installed changes seldom: the project file alone decides on this layer.
COPY pyproject.toml ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
    > /build/requirements.txt

FROM base AS cpu-libraries
RUN --mount=type=cache,target=/root/.cache/pip \
    grep '^torch' requirements.txt > torch.txt \
    && pip install --index-url https://download.pytorch.org/whl/cpu --requirement torch.txt \
    && pip install --requirement requirements.txt

FROM base AS gpu-libraries
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --requirement requirements.txt

FROM gpu-libraries AS gpu
COPY . .
RUN pip install --no-deps --no-cache-dir . && rm -rf /build/*
WORKDIR /home/tagwerk
USER tagwerk
CMD ["tagwerk", "--help"]

FROM cpu-libraries AS cpu
COPY . .
RUN pip install --no-deps --no-cache-dir . && rm -rf /build/*
WORKDIR /home/tagwerk
USER tagwerk
CMD ["tagwerk", "--help"]

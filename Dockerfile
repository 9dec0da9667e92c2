# The book, JupyterLab and grading in a container:
#
#   docker build -t attention .
#   mkdir -p work course    # else Docker makes them, and they are root's
#   docker run --rm -p 8888:8888 -v "$PWD/work:/book/work" attention
#
# Grading needs a sandbox, and Docker's own profile forbids what it is made of:
#
#   docker run --rm -it -v "$PWD/course:/book/course" \
#     --security-opt seccomp=unconfined --security-opt apparmor=unconfined attention bash
FROM python:3.11-slim-bookworm AS tools
RUN apt-get update \
 && apt-get install -y --no-install-recommends git make chromium \
 && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir uv
RUN useradd --create-home --shell /bin/bash learner

FROM tools AS book
RUN mkdir /book && chown learner /book
USER learner
WORKDIR /book
# What is declared changes seldom, the chapters often: so the long part is kept.
COPY --chown=learner README.md LICENSE LICENSE-TEXT.md Makefile pyproject.toml \
  requirements.txt constraints.txt ./
RUN make install
COPY --chown=learner . .
RUN touch requirements.txt && make book
EXPOSE 8888
CMD ["make", "lab", "LAB_OPTIONS=--ip=0.0.0.0 --no-browser"]

ARG BASE
FROM ${BASE} AS made
RUN apt-get update \
 && apt-get install -y --no-install-recommends mmdebstrap debian-archive-keyring
RUN mkdir -p @MADE@/hub/debian && @MMDEBSTRAP@ \
 && tar -C @MADE@/hub/debian -xf @MADE@/debs.tar && rm @MADE@/debs.tar

FROM ${BASE} AS engine
COPY slim.cfg /etc/dpkg/dpkg.cfg.d/dockbook
RUN printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends @PACKAGES@ \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* /var/lib/docker/*
RUN useradd --uid 1000 --create-home --shell /bin/bash --groups docker student
RUN @COMPILE@
COPY root/ /
RUN sh /etc/dockbook/certificates.sh && rm /etc/dockbook/certificates.sh

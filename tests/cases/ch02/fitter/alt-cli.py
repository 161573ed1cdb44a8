forget("fitter")
!docker run -d --name fitter debian:trixie sleep infinity
!docker exec -e DEBIAN_FRONTEND=noninteractive fitter apt-get update -q
!docker exec -e DEBIAN_FRONTEND=noninteractive fitter apt-get install -qq -y --no-install-recommends docker.io

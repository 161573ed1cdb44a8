# Other packages first: what dpkg logs of them is longer than what is read of a file.
forget("fitter")
!docker run -d --name fitter debian:trixie sleep infinity
!docker exec fitter sh -c "apt-get update -q; apt-get install -qq -y python3 hello docker.io" >/dev/null 2>&1
!docker exec fitter sh -c "for n in \$(seq 3000); do echo 2026 status installed something:all 1.0; done >> /var/log/dpkg.log"

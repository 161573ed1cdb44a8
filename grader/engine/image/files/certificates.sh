set -e
cd /etc/dockbook
new='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
openssl req -x509 $new -days 3650 -subj '/CN=Course hub' -keyout ca.key -out ca.crt
openssl req $new -subj /CN=hub -keyout hub.key -out hub.csr
printf 'subjectAltName=@NAMES@' > hub.ext
openssl x509 -req -in hub.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 \
  -extfile hub.ext -out hub.crt
rm ca.key hub.csr hub.ext ca.srl
cat ca.crt >> /etc/ssl/certs/ca-certificates.crt

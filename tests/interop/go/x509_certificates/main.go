// x509_certificates judges one X.509 certificate with Go's crypto/x509:
//
//	x509_certificates ROOT.pem CHAIN.pem CERTIFICATE.pem server|client NAME
//
// NAME is a DNS name or an address; "-" leaves names alone. It ends with 0 when the certificate is accepted, and with 1
// and the reason when it is not.
package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

func fail(err error) {
	fmt.Println(err)
	os.Exit(1)
}

func read(path string) []byte {
	text, err := os.ReadFile(path)
	if err != nil {
		fail(err)
	}
	return text
}

func main() {
	if len(os.Args) != 6 {
		fail(errors.New("usage: x509_certificates ROOT.pem CHAIN.pem CERTIFICATE.pem server|client NAME"))
	}
	roots, chain := x509.NewCertPool(), x509.NewCertPool()
	if !roots.AppendCertsFromPEM(read(os.Args[1])) || !chain.AppendCertsFromPEM(read(os.Args[2])) {
		fail(errors.New("no certificate in the root or the chain"))
	}
	block, _ := pem.Decode(read(os.Args[3]))
	if block == nil {
		fail(errors.New("no certificate"))
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		fail(err)
	}
	usage := x509.ExtKeyUsageServerAuth
	if os.Args[4] == "client" {
		usage = x509.ExtKeyUsageClientAuth
	}
	options := x509.VerifyOptions{Roots: roots, Intermediates: chain, KeyUsages: []x509.ExtKeyUsage{usage}}
	if name := os.Args[5]; name != "-" {
		options.DNSName = name
	}
	if _, err := certificate.Verify(options); err != nil {
		fail(err)
	}
}

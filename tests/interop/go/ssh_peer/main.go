// ssh_peer judges SSH certificates with golang.org/x/crypto/ssh, as servers and clients written in Go do:
//
//	ssh_peer server CA.pub HOST-KEY      prints its port, serves one connection: is this user's certificate good?
//	ssh_peer client CA.pub NAME ADDRESS  connects: is this host's certificate good for NAME?
//
// It ends with 0 when the certificate is accepted, and with 1 and the reason when it is not.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/crypto/ssh"
)

const patience = 30 * time.Second

func fail(err error) {
	fmt.Println(err)
	os.Exit(1)
}

func must(text []byte, err error) []byte {
	if err != nil {
		fail(err)
	}
	return text
}

func trusts(path string) func(ssh.PublicKey) bool {
	authority, _, _, _, err := ssh.ParseAuthorizedKey(must(os.ReadFile(path)))
	if err != nil {
		fail(err)
	}
	return func(key ssh.PublicKey) bool { return bytes.Equal(key.Marshal(), authority.Marshal()) }
}

// server lets in whoever has a certificate of this CA for the user name they ask for. The library itself checks the
// signatures, the times, the principal and source-address; it leaves force-command and verify-required to programs.
func server(authority, hostKey string) error {
	checker := ssh.CertChecker{
		IsUserAuthority:          trusts(authority),
		SupportedCriticalOptions: []string{"force-command", "verify-required"},
	}
	var reason error
	config := ssh.ServerConfig{PublicKeyCallback: func(who ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		permissions, err := checker.Authenticate(who, key)
		if err != nil {
			reason = err
		}
		return permissions, err
	}}
	own, err := ssh.ParsePrivateKey(must(os.ReadFile(hostKey)))
	if err != nil {
		return err
	}
	config.AddHostKey(own)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	connection, err := listener.Accept()
	if err != nil {
		return err
	}
	connection.SetDeadline(time.Now().Add(patience))
	if _, _, _, err = ssh.NewServerConn(connection, &config); err != nil && reason != nil {
		return reason
	}
	return err
}

// client trusts hosts by this CA alone. Nobody logs in: what counts is what it thinks of the host before that.
func client(authority, name, address string) error {
	trusted := trusts(authority)
	checker := ssh.CertChecker{IsHostAuthority: func(key ssh.PublicKey, _ string) bool { return trusted(key) }}
	judged := errors.New("the host key was never judged")
	config := ssh.ClientConfig{Timeout: patience, User: "nobody", HostKeyCallback: func(_ string, remote net.Addr, key ssh.PublicKey) error {
		judged = checker.CheckHostKey(name+":22", remote, key)
		return judged
	}}
	connection, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return err
	}
	connection.SetDeadline(time.Now().Add(patience))
	ssh.NewClientConn(connection, name+":22", &config)
	return judged
}

func main() {
	var err error
	switch {
	case len(os.Args) == 4 && os.Args[1] == "server":
		err = server(os.Args[2], os.Args[3])
	case len(os.Args) == 5 && os.Args[1] == "client":
		err = client(os.Args[2], os.Args[3], os.Args[4])
	default:
		err = errors.New("usage: ssh_peer server CA.pub HOST-KEY | client CA.pub NAME ADDRESS")
	}
	if err != nil {
		fail(err)
	}
}

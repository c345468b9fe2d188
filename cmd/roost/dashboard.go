package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/web"
)

// dashboardCmd is what roost dashboard can be told.
type dashboardCmd struct {
	BrokerHost string `help:"Where the broker is (localhost): a Roost or any that speaks as Pyaiot's." placeholder:"HOST"`
	BrokerPort string `help:"Its port (8000; 443 or 80 if empty)." placeholder:"PORT"`
	BrokerSSL  bool   `name:"broker-ssl" help:"The broker speaks TLS."`
	Token      string `help:"API token, if the broker is a Roost that asks for one." placeholder:"rst_…"`
	HTTP       string `name:"http" help:"Where the page stands; :8080 with --password or --public, else 127.0.0.1:8080." placeholder:"ADDR"`
	Title      string `help:"Title of the page." placeholder:"TEXT"`
	Logo       string `help:"Picture beside the title: an address or a file." placeholder:"PICTURE"`
	Favicon    string `help:"Picture of the browser's tab: an address or a file." placeholder:"PICTURE"`
	CameraURL  string `name:"camera-url" help:"Camera to show: a picture or an MJPEG stream." placeholder:"URL"`
	MapTiles   string `help:"Pictures of the map, {z}/{x}/{y} in the address; off: a map without background." default:"https://tile.openstreetmap.org/{z}/{x}/{y}.png" placeholder:"URL"`
	Password   string `help:"Password that people sign in with, 10 characters or more."`
	Public     bool   `help:"Let everybody who reaches the page see and control the things."`
	PublicURL  string `name:"public-url" help:"Where people reach the page, if a proxy stands in front." placeholder:"URL"`
	LogLevel   string `help:"debug, info, warn or error." default:"info"`
}

// pageSettings is what check makes of the flags.
type pageSettings struct {
	dashboardCmd
	level slog.Level
	site  web.Site
	files map[string][]byte
	local bool // nobody but this machine
}

// fill gives what was not said its value: from the variables by which unit files and
// containers configure Pyaiot's page, or the default.
func (d *dashboardCmd) fill() {
	_, portSet := os.LookupEnv("BROKER_PORT")
	d.BrokerHost = cmp.Or(d.BrokerHost, firstEnv("BROKER_HOST"), "localhost")
	if d.BrokerPort = cmp.Or(d.BrokerPort, firstEnv("BROKER_PORT")); d.BrokerPort == "" && !portSet {
		d.BrokerPort = "8000"
	}
	d.BrokerSSL = d.BrokerSSL || pyTrue(os.Getenv("BROKER_SSL"))
	d.Title = cmp.Or(d.Title, firstEnv("APP_TITLE", "DASHBOARD_TITLE"), "Roost")
	d.Logo = cmp.Or(d.Logo, firstEnv("APP_LOGO", "DASHBOARD_LOGO"))
	d.Favicon = cmp.Or(d.Favicon, firstEnv("APP_FAVICON", "DASHBOARD_FAVICON"))
	d.CameraURL = cmp.Or(d.CameraURL, firstEnv("CAMERA_URL"))
	if d.HTTP == "" {
		host := ""
		if d.Password == "" && !d.Public {
			host = "127.0.0.1"
		}
		d.HTTP = net.JoinHostPort(host, cmp.Or(firstEnv("HTTP_PORT", "WEB_PORT", "DASHBOARD_PORT"), "8080"))
	}
}

// check reads every flag and tells of every fault.
func (d dashboardCmd) check() (pageSettings, error) {
	d.fill()
	set := pageSettings{dashboardCmd: d, files: map[string][]byte{}, local: d.Password == "" && !d.Public}
	set.site = web.Site{Kind: web.SiteDashboard, Title: d.Title, CameraURL: d.CameraURL}
	if d.MapTiles != off {
		set.site.MapTiles = d.MapTiles
	}
	var logo, favicon error
	set.site.Logo, logo = set.picture("logo", d.Logo)
	set.site.Favicon, favicon = set.picture("favicon", d.Favicon)
	err := errors.Join(
		checkAddress("http", d.HTTP), set.checkReach(), checkBrokerPort(d.BrokerPort), logo, favicon,
		checkURL("camera-url", d.CameraURL), checkURL("public-url", d.PublicURL), checkTiles("map-tiles", d.MapTiles), checkLevel(d.LogLevel, &set.level),
	)
	if d.Password != "" && d.Public {
		err = errors.Join(err, errors.New("--public: it asks for no password; leave one of --password and --public out"))
	}
	if strings.ContainsAny(d.BrokerHost, "/?#@ ") {
		err = errors.Join(err, fmt.Errorf("--broker-host: %q is no name of a machine and no address", d.BrokerHost))
	}
	return set, err
}

// checkReach wants a page that asks for nothing to be out of others' reach.
func (s pageSettings) checkReach() error {
	host, _, err := net.SplitHostPort(s.HTTP)
	if !s.local || err != nil || isLoopback(host) {
		return nil
	}
	return fmt.Errorf("--http: %s is in reach of others; give --password, or --public to let everybody in", s.HTTP)
}

// isLoopback tells that a host is this machine, as seen from itself.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.Unmap().IsLoopback()
}

func checkBrokerPort(port string) error {
	if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0) {
		return fmt.Errorf("--broker-port: %q is no port; it is a number from 1 to 65535", port)
	}
	return nil
}

// maxPicture is the largest file that a logo may be, in bytes.
const maxPicture = 4 << 20

// picture gives the address of a picture; a file is read, to be served.
func (s *pageSettings) picture(flag, from string) (string, error) {
	if from == "" {
		return "", nil
	}
	if u, err := url.Parse(from); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		return from, checkURL(flag, from)
	}
	info, err := os.Stat(from)
	if err == nil && info.Size() > maxPicture {
		err = fmt.Errorf("%s is larger than %d MiB", from, maxPicture>>20)
	}
	var body []byte
	if err == nil {
		body, err = os.ReadFile(from)
	}
	if err != nil {
		return "", fmt.Errorf("--%s: %w", flag, err)
	}
	name := flag + strings.ToLower(filepath.Ext(from))
	s.files[name] = body
	return path.Join(web.SitePath, name), nil
}

// brokerURL is where the broker's pages connect.
func (s pageSettings) brokerURL() string {
	u := url.URL{Scheme: "ws", Host: s.BrokerHost, Path: "/ws"}
	if s.BrokerSSL {
		u.Scheme = "wss"
	}
	if s.BrokerPort != "" {
		u.Host = net.JoinHostPort(strings.Trim(s.BrokerHost, "[]"), s.BrokerPort)
	}
	return u.String()
}

// role is what visitors may do who show nothing.
func (s pageSettings) role() roost.Role {
	if s.Password != "" {
		return ""
	}
	return roost.Operator
}

// Run shows a broker's things until the process is told to stop.
func (d dashboardCmd) Run(ctx context.Context, con console) error {
	set, err := d.check()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(con.err, &slog.HandlerOptions{Level: set.level}))
	b, err := openDashboard(ctx, set, log)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	return b.run(ctx, func() error {
		if set.Public {
			log.Warn("everybody who reaches this page can control the things", "http", b.listener.Addr().String())
		}
		_, err := fmt.Fprintf(con.out, "The page of %s is ready at http://%s\n", set.brokerURL(), pageHost(b.listener.Addr()))
		return err
	})
}

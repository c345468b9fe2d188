package install

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Settings are PythingsOS' local parameters: files in the root of the board with
// one line each. Missing names stay as they are, empty values take the file away.
type Settings map[string]string

// SettingNames are those that there are, in the order in which they are shown.
// "password" is the second line of the file wifi, whose first is "wifi".
var SettingNames = []string{"aid", "tid", "backend", "wifi", "password", "apn", "pool", "loglevel", "setup_timeout"}

// Check finds what a device would not take.
func (s Settings) Check() error {
	for name, value := range s {
		if err := checkSetting(name, value); err != nil {
			return err
		}
	}
	if s["password"] != "" && s["wifi"] == "" {
		return fmt.Errorf("a Wi-Fi password without the network's name")
	}
	return nil
}

func checkSetting(name, value string) error {
	if strings.ContainsAny(value, "\r\n") {
		return fmt.Errorf("%s must be one line", name)
	}
	if name != "password" && strings.TrimSpace(value) != value {
		return fmt.Errorf("%s must not begin or end with a space, which the device would cut off", name)
	}
	if value == "" {
		return nil
	}
	switch name {
	case "loglevel": // anything else, and it does not start
		switch value {
		case "10", "20", "30", "40", "50":
		default:
			return fmt.Errorf("loglevel is 10, 20, 30, 40 or 50, not %q", value)
		}
	case "setup_timeout":
		if n, err := strconv.Atoi(value); err != nil || n < 0 {
			return fmt.Errorf("setup_timeout is a number of seconds, not %q", value)
		}
	case "backend":
		if strings.Contains(value, "://") {
			return fmt.Errorf("backend is HOST:PORT without %s", value[:strings.Index(value, "://")+3])
		}
		if strings.ContainsAny(value, " \t") {
			return fmt.Errorf("backend is HOST:PORT, not %q", value)
		}
	case "wifi":
		if len(value) > 32 {
			return fmt.Errorf("a Wi-Fi network's name has at most 32 bytes")
		}
	case "password":
		if n := len(value); n < 8 || n > 64 {
			return fmt.Errorf("a Wi-Fi password has 8 to 63 characters")
		}
		if strings.TrimSpace(value) != value {
			return fmt.Errorf("PythingsOS cuts off spaces at the ends of a Wi-Fi password: it could not join")
		}
	}
	return nil
}

// Configure writes the settings. The password goes to the board and nowhere
// else; a network without one gets an empty second line.
func (b *Board) Configure(ctx context.Context, s Settings) error {
	if err := s.Check(); err != nil {
		return err
	}
	for _, name := range SettingNames {
		value, given := s[name]
		if !given || name == "password" {
			continue
		}
		if err := b.set(ctx, name, value, s["password"]); err != nil {
			return err
		}
	}
	return nil
}

func (b *Board) set(ctx context.Context, name, value, password string) error {
	if value == "" {
		return b.Remove(ctx, name)
	}
	content := value + "\n"
	if name == "wifi" {
		content += password + "\n"
	}
	return b.WriteFile(ctx, name, []byte(content), nil)
}

// Settings reads what the board has. Of the password it tells only whether
// there is one: "set".
func (b *Board) Settings(ctx context.Context) (Settings, error) {
	s := Settings{}
	for _, name := range SettingNames {
		file, number := name, 1
		if name == "password" {
			file, number = "wifi", 2
		}
		value, there, err := b.line(ctx, file, number)
		if err != nil {
			return nil, err
		}
		if name == "password" && value != "" {
			value = "set"
		}
		if there && value != "" {
			s[name] = value
		}
	}
	return s, nil
}

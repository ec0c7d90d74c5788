package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
)

// configFileBytesMax bounds a configuration file.
const configFileBytesMax = 1 << 20

// ReadConfig reads a configuration file. Keys that Config does not have are errors. The result has neither its
// defaults nor been validated; Start does both.
func ReadConfig(name string) (Config, error) {
	file, err := os.Open(name)
	if err != nil {
		return Config{}, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, configFileBytesMax+1))
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	if len(data) > configFileBytesMax {
		return Config{}, fmt.Errorf("configuration %s: more than %d bytes", name, configFileBytesMax)
	}
	c, err := ParseConfig(data)
	if err != nil {
		return Config{}, fmt.Errorf("configuration %s: %w", name, err)
	}
	return c, nil
}

// ParseConfig parses the text of a configuration file.
func ParseConfig(data []byte) (Config, error) {
	var c Config
	err := yaml.NewDecoder(bytes.NewReader(data), yaml.DisallowUnknownField()).Decode(&c)
	if errors.Is(err, io.EOF) {
		return Config{}, errors.New("empty")
	}
	if err != nil {
		return Config{}, errors.New(oneLine(yaml.FormatError(err, false, false)))
	}
	return c, nil
}

// Encode returns the configuration as the text of a configuration file.
func (c Config) Encode() ([]byte, error) { return yaml.Marshal(c) }

// oneLine keeps the first line of a message, which has the place and the reason.
func oneLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

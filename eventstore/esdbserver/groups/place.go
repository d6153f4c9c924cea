package groups

import (
	"fmt"
	"strconv"
	"strings"
)

// formatPlace is a place of a source in EventStoreDB's words.
func formatPlace(source string, place int64) string {
	if source == All {
		return fmt.Sprintf("C:%d/P:%d", place, place)
	}
	return strconv.FormatInt(place, 10)
}

// parsePlace reads what formatPlace, or an EventStoreDB, wrote. Of a position the commit counts.
func parsePlace(source, text string) (int64, error) {
	if source == All {
		commit, prepare, ok := strings.Cut(text, "/P:")
		if _, err := strconv.ParseInt(prepare, 10, 64); !ok || err != nil {
			return 0, fmt.Errorf("place %q is no position of $all", text)
		}
		text = strings.TrimPrefix(commit, "C:")
	}
	place, err := strconv.ParseInt(text, 10, 64)
	if err != nil || place < FromEnd {
		return 0, fmt.Errorf("place %q of %s cannot be read", text, source)
	}
	return place, nil
}

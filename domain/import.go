package domain

import "github.com/google/uuid"

// StartImport says that a file's operations are about to be brought in.
type StartImport struct {
	ID       uuid.UUID `json:"import_id"`
	FileHash string    `json:"file_hash"` // SHA-256 of the file, hexadecimal
}

// CompleteImport says how it ended.
type CompleteImport struct {
	ID            uuid.UUID         `json:"import_id"`
	Rows          int64             `json:"rows"`
	Posted        int64             `json:"posted"`
	Repeated      int64             `json:"repeated"` // in the ledger already
	Rejected      int64             `json:"rejected"`
	ControlTotals map[string]string `json:"control_totals"` // by kind and unit, such as debit/USD
}

// ImportStarted records the begin of an import.
type ImportStarted StartImport

// ImportCompleted records the end of an import, with its control totals.
type ImportCompleted CompleteImport

func (ImportStarted) event()   {}
func (ImportCompleted) event() {}

// Stream is import-<id>.
func (s StartImport) Stream() string { return "import-" + s.ID.String() }

// Stream is import-<id>.
func (c CompleteImport) Stream() string { return "import-" + c.ID.String() }

// Operation is start_import.
func (StartImport) Operation() Operation { return "start_import" }

// Operation is complete_import.
func (CompleteImport) Operation() Operation { return "complete_import" }

// Decide never refuses: a file that is brought in again is started again.
func (s StartImport) Decide([]Posted, Moment) ([]Event, error) {
	return []Event{ImportStarted(s)}, nil
}

// Decide refuses the end of an import that was not started.
func (c CompleteImport) Decide(before []Posted, _ Moment) ([]Event, error) {
	if len(before) == 0 {
		return nil, ErrNotFound.Because("there is no such import")
	}
	return []Event{ImportCompleted(c)}, nil
}

func (e ImportStarted) command() any   { return StartImport(e) }
func (e ImportCompleted) command() any { return CompleteImport(e) }

package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tillbook/tillbook/projections/js/gallery"
)

// galleryPrefix begins the names of scripts that are the gallery's and no files.
const galleryPrefix = "gallery:"

// scriptSource is the text of a script: of the gallery, or of a file.
func scriptSource(name string) (string, error) {
	question, ok := strings.CutPrefix(name, galleryPrefix)
	if !ok {
		text, err := readAtMost(name, 1<<20)
		return string(text), err
	}
	q, ok := gallery.Find(question)
	if !ok {
		return "", fmt.Errorf("there is no %s; tillbook replay --gallery lists what there is", name)
	}
	return q.Source, nil
}

// arguments wants one script, or none where the gallery is to be listed.
func (r *replay) arguments(cmd *cobra.Command, args []string) error {
	if r.gallery && len(args) == 0 {
		return nil
	}
	return cobra.ExactArgs(1)(cmd, args)
}

// show lists the gallery, or prints a script. It reports whether that was all that was asked.
func (r *replay) show(out io.Writer, args []string) (bool, error) {
	if r.gallery && len(args) == 0 {
		return true, listGallery(out)
	}
	if r.gallery && !strings.HasPrefix(args[0], galleryPrefix) {
		args[0] = galleryPrefix + args[0]
	}
	if !r.print {
		return false, nil
	}
	text, err := scriptSource(args[0])
	if err == nil {
		_, err = io.WriteString(out, text)
	}
	return true, err
}

// listGallery prints what there is, and how each is drawn.
func listGallery(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, q := range gallery.Questions() {
		fmt.Fprintf(table, "%s%s\t%s\t%s\n", galleryPrefix, q.Name, q.Title, q.Chart())
	}
	return table.Flush()
}

package markup_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/extracttest"
	"github.com/fairleadhq/fairlead/internal/extract/markup"
)

func TestRealFiles(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"en", "de", "ja", "ar", "ru"} {
		extracttest.SameText(t, markup.Extractor{}, "../office/testdata/report-"+lang+".html", "../office/testdata/report-"+lang+".txt")
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, html, want string }{
		{"text", "hello\n  <b>big</b> world &amp; &lt;all&gt; &nope; &#x4e2d;", "hello big world & <all> &nope; 中\n"},
		{"paragraphs", "<p>one<p>two<br>lines</p><div>three<div>four</div>five</div>", "one\ntwo\nlines\nthree\nfour\nfive\n"},
		{"headings", "<h1>A <i>b</i></h1><h3>C</h3><h2></h2>text", "# A b\n### C\ntext\n"},
		{"left out", "a<script>if (a < b) { '<p>no</p>' }</script><style>p{}</style><noscript>no</noscript><template><p>no<template>no</template></p></template>b<!-- no -->", "ab\n"},
		{"lists", "<ul><li>a<ul><li>b</ul><li><p>c</p><p>d</p></ul><ol><li>e</ol>", "- a\n  - b\n- c\nd\n- e\n"},
		{"pre", "<pre>  a\n    b\n</pre>c  d", "a\n    b\nc d\n"},
		{"table", "<table><tr><th>a<th>b<tr><td>1<td>2</table>x", "! a | b\n1 | 2\nx\n"},
		{"table with a head", "<table><thead><tr><td>a</td><td>b</td></tr></thead><tbody><tr><td>x</td><td>y</td></tr></tbody></table>", "! a | b\nx | y\n"},
		{"spans", "<table><tr><td rowspan=2>1</td><td colspan=2>2</td></tr><tr><td>3<td>4</tr><tr><td>5<td>6<td>7</table>", "1 | 2\n | 3 | 4\n5 | 6 | 7\n"},
		{"header column", "<table><tr><th>r1<td>1<tr><th>r2<td>2</table>", "r1 | 1\nr2 | 2\n"},
		{"layout", "<table><tr><td>menu</td><td><h1>T</h1><p>one</p><table><tr><th>a<th>b<tr><td>1<td>2</table><p>end</td></tr></table>", "menu\n# T\none\n! a | b\n1 | 2\nend\n"},
		{"unclosed", "<table><tr><td>a<td>b", "! a | b\n"},
		{"stray ends", "</table></td></tr></p></ul>a</pre>b", "a\nb\n"},
		{"nothing fetched", `<img src="http://127.0.0.1:1/x"><link rel=stylesheet href="http://127.0.0.1:1/y"><iframe src="http://127.0.0.1:1/">no</iframe>x`, "x\n"},
		{"", "", ""},
	} {
		if got := extracttest.Shown(t, markup.Extractor{}, tt.name, []byte(tt.html)); got != tt.want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, got, tt.want)
		}
	}
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	for name, page := range map[string]string{
		"utf-8": "<p>größer", "meta": "<meta charset='iso-8859-1'><p>gr\xf6\xdfer", "content": "<META http-equiv=Content-Type content='text/html; charset=windows-1252'>gr\xf6\xdfer",
		"wrong meta": "<meta charset=utf-8>gr\xf6\xdfer", "other wrong meta": "<meta charset=shift_jis>größer", "guess": "<p>gr\xf6\xdfer", "mark": "\uFEFF<p>größer",
	} {
		if got := extracttest.Shown(t, markup.Extractor{}, "a.html", []byte(page)); got != "größer\n" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := extracttest.Shown(t, markup.Extractor{}, "a.html", []byte("<meta charset=koi8-r>\xf2\xcf\xd3\xd3\xc9\xd1")); got != "Россия\n" {
		t.Errorf("koi8-r: %q", got)
	}
	_, about, err := extracttest.Read(t.Context(), markup.Extractor{}, extracttest.Source("a", []byte("<title> A &amp;\nb </title><svg><title>no</title></svg>")))
	if err != nil || about.Title != "A & b" {
		t.Errorf("title %q, %v", about.Title, err)
	}
}

func TestHostilePages(t *testing.T) {
	t.Parallel()
	const many = 100_000
	for name, page := range map[string]string{
		"divs": strings.Repeat("<div>", many), "tables": strings.Repeat("<table>", many), "cells": strings.Repeat("<td colspan=1000 rowspan=1000>", many/100),
		"nested": strings.Repeat("<table><tr><td>x", many/10), "lists": strings.Repeat("<ul><li>", many), "templates": strings.Repeat("<template>", many),
		"wide": "<table>" + strings.Repeat("<tr><td colspan=65535 rowspan=65535>", many/100),
	} {
		_, _, err := extracttest.Read(t.Context(), markup.Extractor{}, extracttest.Source(name, []byte(page)))
		if limit, ok := errors.AsType[*extract.LimitError](err); err != nil && !ok {
			t.Errorf("%s: %v %v", name, err, limit)
		}
	}
	extracttest.Limited(t, markup.Extractor{}, "one tag", []byte("<a x='"+strings.Repeat("x", 20<<20)), "token_bytes")
	extracttest.Limited(t, markup.Extractor{}, "text", []byte("<p>"+strings.Repeat("word ", 1<<18)), "text")
	extracttest.Limited(t, markup.Extractor{}, "a cell", []byte("<table><td>"+strings.Repeat("<b>word</b> ", 1<<18)), "text")
}

// FuzzPage: whatever a page is, it is read with all that every reader promises.
func FuzzPage(f *testing.F) {
	f.Add([]byte("<table><tr><td rowspan=3>a<td><ul><li>b<table><th>c</table></table><pre>\n x"))
	f.Add([]byte("<li><h1></li><td></table><tr><th></tr></p><br>x<title>y<script></title>"))
	f.Add([]byte("<table><thead><tr><td>a<h2>b</h2><p>c</thead><caption>d"))
	f.Fuzz(func(t *testing.T, page []byte) { extracttest.Hold(t, markup.Extractor{}, "a.html", page) })
}

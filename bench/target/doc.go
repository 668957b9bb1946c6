// Package target starts the programs that are measured, and reads what they
// cost: processor time and memory, of the process and all its children, as the
// kernel tells them in /proc.
//
// A Spec says how to start one: its command, its configuration files and how it
// is called, with placeholders for what is only known at the start. Nginx and
// Fairlead are made here; peers are read from a JSON file by ReadPeers. Each
// process is bound to the processors that it is given, listens on 127.0.0.1
// alone, and dies with the one that started it.
//
// Start with Spec.Start.
package target

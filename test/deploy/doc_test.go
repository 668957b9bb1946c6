// Package deploy_test holds what is in the folder deploy to what it promises: the
// script refuses what it cannot run with, nginx takes the configuration, and two
// instances behind it are restarted one after the other without a call that fails.
//
// Start with TestRollingRestart in rolling_test.go. It is left out where there is no
// nginx. With FAIRLEAD_PROOF set it has its full counts.
package deploy_test

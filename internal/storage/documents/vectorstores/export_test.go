package vectorstores

import (
	"fmt"

	"github.com/fairleadhq/fairlead"
)

// The bounds, for tests from outside: only these have the schema.
const (
	MostStores     = mostStores
	MostFiles      = mostFiles
	MostBatchFiles = mostBatchFiles
)

// Statements are all that there are, by their names.
func Statements() map[string]string {
	all := map[string]string{
		"selectStore": selectStore, "selectStoreNumber": selectStoreNumber, "selectStoreRoom": selectStoreRoom,
		"listStoresOldest": listStoresOldest, "listStoresNewest": listStoresNewest, "deleteStore": deleteStore,
		"selectFile": selectFile, "selectFileNumber": selectFileNumber, "deleteFile": deleteFile, "setAttributes": setAttributes,
		"countStored": countStored, "countFiles": countFiles,
		"selectBatch": selectBatch, "countBatch": countBatch, "placeBatch": placeBatch, "forgetBatches": forgetBatches,
		"withdrawFiles": withdrawFiles, "leaveFiles": leaveFiles, "cancelBatch": cancelBatch,
	}
	for _, which := range []fairlead.VectorStoreFileList{{}, {Batch: "b"}, {Statuses: []fairlead.DocumentStatus{}}} {
		for _, newest := range []bool{false, true} {
			which.After.Newest = newest
			all[fmt.Sprintf("list %+v", which)] = listing(&which)
		}
	}
	s := sweep()
	all["next"], all["forget"] = s.Next, s.Forget
	for i, step := range s.Steps {
		all[fmt.Sprint("step", i)] = step.Statement
	}
	return all
}

package mutants

func storageMutants() []Mutant { return nil }

func checkerMutants() []Mutant { return nil }

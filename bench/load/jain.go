package load

// Jain is Jain's index of fairness of what several got: 1 if all got the same,
// 1/n if one of n got everything (R. Jain, D. Chiu, W. Hawe, 1984). Of nothing
// it is 1.
func Jain(got []int64) float64 {
	var sum, squares float64
	for _, v := range got {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	if squares == 0 {
		return 1
	}
	return sum * sum / (float64(len(got)) * squares)
}

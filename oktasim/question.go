package oktasim

import (
	"maps"
	"slices"
)

// ownQuestion is the key of a question that the user made up.
const ownQuestion = "custom"

const (
	questionKey  = "disliked_food"
	questionText = "What is the food you least liked as a child?"
)

// questions are those that can be chosen.
var questions = map[string]string{
	questionKey:                  questionText,
	"name_of_first_plush_toy":    "What is the name of your first stuffed animal?",
	"favorite_vacation_location": "Where did you go for your favorite vacation?",
}

func questionKeys() []string { return slices.Sorted(maps.Keys(questions)) }

// questionData is contextualData where a question is set up.
func questionData() map[string]any {
	var list []map[string]string
	for _, key := range questionKeys() {
		list = append(list, map[string]string{"questionKey": key, "question": questions[key]})
	}
	return map[string]any{"questionKeys": questionKeys(), "questions": list}
}

// questionField has the two alternatives of identity-engine.md §6.5.
func questionField() field {
	answer := func() field { return field{Name: "answer", Label: "Answer", Required: true, Secret: true} }
	listed := field{Name: "questionKey", Type: "string", Required: true, Label: "Choose a security question"}
	for _, key := range questionKeys() {
		listed.Options = append(listed.Options, option{Label: questions[key], Value: key})
	}
	return field{Name: "credentials", Type: "object", Required: true, Options: []option{
		{Label: "Choose a security question", Value: valueForm(listed, answer())},
		{Label: "Create my own security question", Value: valueForm(fixed("questionKey", ownQuestion),
			field{Name: "question", Label: "Create a security question", Required: true}, answer())},
	}}
}

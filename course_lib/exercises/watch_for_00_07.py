"""What to watch for in the exercises of notebooks 00 to 07, in a teacher's words."""

WATCH_FOR = {
    "0.1": (
        "'At least' is read as 'more than', or the comparison is written for declining, since that "
        "is what is new here. Ask: a ride is for children of at least 1.20 m, so who stands at the "
        "gate and may come in?"
    ),
    "0.2": (
        "One right section for each question is expected, and the two are compared with ==. Lay "
        "three questions on the table as cards, one of them with two acceptable answers, and ask "
        "how many questions were served, and out of how many."
    ),
    "0.3": (
        "Without the word 'battery' the question turns vague, 'what do I do now?', and nothing in "
        "it points to damage. Ask what the customer sees, smells or fears: the model can match a "
        "dent or smoke, not an omission."
    ),
    "1.1": (
        "How often a word occurs gets mixed up with how many texts have it, and one talkative text "
        "decides. Ask which word is the rarer one: 'sealant', forty times in one manual, or "
        "'wheel', once in each of forty?"
    ),
    "1.2": (
        "Padding that was multiplied by zero looks dealt with, and still counts as tokens below "
        "the fraction line. Average 4 and 6 in a row padded with two zeros, get 2.5, and ask what "
        "the four things were that the sum was divided by."
    ),
    "1.3": (
        "A quarter of the bytes sounds like a quarter of the numbers; and once int8 is found, each "
        "row is given a scale of its own. Ask what a dot product means when one row was measured "
        "in centimetres and the other in inches."
    ),
    "1.4": (
        "A sentence and its opposite are expected to lie far apart, and their cosine stays high. "
        "Ask what the two are about, not whether they agree; then look for one word that a "
        "landlord and an electrician use for different things."
    ),
    "2.1": (
        "The two rows of lengths are multiplied entry by entry, as if each query met one document. "
        "Draw a table of 3 queries and 4 documents, point at any of its twelve cells and ask which "
        "two lengths belong there; for the zero vector ask which way it points."
    ),
    "2.2": (
        "With the right scores in hand the task feels done, and what happens among equal ones is "
        "left to the algorithm. Write down [5, 7, 7, 7] with k = 2 and ask two neighbours which "
        "documents their code names, and whether another computer would agree."
    ),
    "2.3": (
        "Mistakes are counted instead of priced, or each price lands on the other mistake. Take "
        "one pair and have the learner say aloud who is annoyed and what it costs: the customer "
        "with a reply to another question, or the agent who writes what had been written already."
    ),
    "2.4": (
        "A mean over everything taken seems fairer than the largest similarity, and a twin hides "
        "among strangers in it. Of three photographs taken one shows the Eiffel Tower: ask whether "
        "a second tower is more welcome because the other two show cats."
    ),
    "2.5": (
        "Pairs about two different subjects fool no threshold, which falls for what looks alike. "
        "Ask for two orders that a colleague mixes up on the telephone, and for one wish that the "
        "shy and the angry customer put in words of their own."
    ),
    "3.1": (
        "The dictionary of words is taken for the text, so each word counts once. Hand out a page "
        "on which 'tyre' stands three times and ask how often a finger meets a t before a y."
    ),
    "3.2": (
        "Cutting is imagined as taking the longest known piece from the left. Give the rules b+c, "
        "then a+b, and ask what becomes of 'abc': when the second rule was learned, was there any "
        "b left for it in this word?"
    ),
    "3.3": (
        "Blanks and line ends are squeezed out while every row goes on spelling the names of all "
        "columns. Let them count one name in their own output; afterwards put a comma inside a "
        "value and ask a neighbour to find the columns."
    ),
    "3.4": (
        "A text that was cleaned once is believed to be clean. Write <|im_<|im_end|>start|> on "
        "paper, cut out the inner marker with scissors, push the halves together and read what "
        "lies there."
    ),
    "3.5": (
        "Long and learned sentences are tried as the dear text, though length cancels in tokens "
        "per word. Ask which lines of yesterday's mail nobody could read aloud without spelling; "
        "and whether six texts chosen for their extremes say anything about the mean."
    ),
    "4.1": (
        "The overflow is fought where it shows, by clipping or dividing, and the answer changes. "
        "Two people differ by ten centimetres and both step into a ditch: ask which of "
        "subtracting, dividing and cutting off keeps the ten, and whether all rows stand in one "
        "ditch."
    ),
    "4.2": (
        "The token with which the sum passes p is dropped, so a model that is very sure keeps "
        "nothing. Do [0.9, 0.1] with p = 0.5 by hand, and ask for the sum that stood there before "
        "each token came."
    ),
    "4.3": (
        "Gaps keep their signs, or a bin with two answers gets the same vote as one with two "
        "hundred. A forecaster promises 90 % and gets 70, and on other days promises 50 and gets "
        "70: ask whether that evens out for those who left the umbrella at home."
    ),
    "4.4": (
        "Every check is given a price, or 0.8 is copied from the text as if it held for all "
        "prices. Take ten tickets, each right with 0.9, and add up the minutes of both policies: "
        "one wrong route for 8, or nine needless checks for 2 each."
    ),
    "4.5": (
        "Openings that are hard for a person are collected, while the model stumbles over what is "
        "usual elsewhere and not here. Ask what newcomers at your work get wrong in their first "
        "week, and stop the sentence before that word, and before its space."
    ),
    "5.1": (
        "Positions of neighbours and the labels at these positions look alike as arrays, and the "
        "first are returned as the second. Let the three nearest neighbours in the room hold up a "
        "label card each, and ask who is counted, and who decides when all three differ."
    ),
    "5.2": (
        "A better classifier is hunted for, though it is the unit counted that fails. Write "
        "'charge', 'charging' and 'chargr' under one another and ask what a table of whole words "
        "knows that they share, and what the eye sees at once."
    ),
    "5.3": (
        "Only the classifier is thought to learn, but choosing columns with the labels in view is "
        "learning too. A teacher picks the topics for revision after reading the exam paper: go "
        "through the loop line by line and ask which answers each line has seen."
    ),
    "5.4": (
        "One numerator has two denominators, and they change places, or all messages are divided "
        "by. Cast two people: the fire brigade asks 'when it rings, does it burn?', the owner of "
        "the house asks 'when it burns, does it ring?'"
    ),
    "5.5": (
        "A message that fits nowhere is expected to make the model unsure, yet its probabilities "
        "add up to 1 over the labels that it was taught. Ask which of these labels it can possibly "
        "pick for a lunch order, and then write a stray that borrows one label's vocabulary."
    ),
    "6.1": (
        "The list is cut into a better and a worse half, or the back is left as it was dealt, so "
        "that the second best is not last. Deal five playing cards to the left and to the right in "
        "turn, and lay the right-hand pile down backwards."
    ),
    "6.2": (
        "Looking for the characters seems to be enough until 10 turns up inside 100. Ask what a "
        "customer says to a bill of 240 euros that is backed by the part number LK-240, and what "
        "has to be taken out of each source before anything is compared."
    ),
    "6.3": (
        "Two answers without a figure look as if they agreed, because None equals None. Ask four "
        "people for a price, of whom two shrug, draw all six handshakes between them and count "
        "those that confirm a number."
    ),
    "6.4": (
        "The wordings differ by a comma, or the passage has a single figure and leaves nothing to "
        "confuse. Have the question put by the page's author, by somebody who types two words, and "
        "by somebody angry with a long story, and see that none of them says the answer."
    ),
    "7.1": (
        "Dividing by what came back makes a search that returns one right page look perfect. Ten "
        "pages were promised: ask how many of these ten arrived, in whatever order, and who misses "
        "the others."
    ),
    "7.2": (
        "np.argsort of a selection answers in places of that selection, and nothing complains, "
        "since they are valid rows as well. Suppose rows 40, 7 and 23 were read and the best is at "
        "place 2: ask which vector the function hands over, and which one it should."
    ),
    "7.3": (
        "'Nearest' slips from the query to the node on which one stands, or the walk ends after a "
        "step. Draw six dots with their links and a cross, hand over the pencil and ask at every "
        "dot: is one of my neighbours nearer to the cross than I am?"
    ),
    "7.4": (
        "Filtering the winners looks the same as searching among what fits, and fetching more "
        "first only hides the difference. You want the three oldest guests with red hair in a "
        "hotel of a thousand: would you begin with the ten oldest guests?"
    ),
    "7.5": (
        "Filter and update are tried on notes that were never going to win, and so show nothing. "
        "Let them say first which note answers best and why it must not be shown today, and only "
        "then which of the permitted notes is to carry the new answer."
    ),
}

"""What to watch for in the exercises of notebooks 08 to 15, in a teacher's words."""

WATCH_FOR = {
    "8.1": (
        "The formula is copied as one line, and brackets, b and k1 end up where they do something "
        "else. Turn one knob at a time: with b = 0, is a long text still held back, and with k1 = "
        "0, does the tenth occurrence of a word still earn anything?"
    ),
    "8.2": (
        "Each list is cut before the adding, or a name's best place alone is kept, and the "
        "candidate whom everybody has in fourth place is lost. Three juries rank five films: ask "
        "whether a film that no jury put first can win, and let them compute it."
    ),
    "8.3": (
        "The first passage that is too long is taken for the end, or short ones jump the queue. "
        "Pack a suitcase in order of importance: if the coat does not go in, do the socks stay at "
        "home, and do three scarves go in before the shoes?"
    ),
    "8.4": (
        "A pattern is fitted to [1], and then the model writes [3, 1], [2,4] or [max 3]. Collect "
        "ways of using brackets on the board before anybody types a regex, and ask of each number "
        "found whether such a passage was ever handed out, 0 and n_passages among them."
    ),
    "8.5": (
        "Questions are written with the page open, borrow its words, and all of them succeed. Have "
        "the file closed and the question asked on behalf of a colleague who does not know that it "
        "exists; then read in the report what was never indexed."
    ),
    "9.1": (
        "The ideal order is made from what the search brought, so finding one good piece of ten "
        "and putting it first earns full marks. Ask how a librarian who knows all judged pieces "
        "would fill the same k places."
    ),
    "9.2": (
        "Shuffling the differences, or one sign for all of them, leaves the mean as far from 0 as "
        "it was, and p comes out as 1. Write each difference on a card with its negative on the "
        "back and toss the cards: what does a flipped card say about who had which result?"
    ),
    "9.3": (
        "Factors are handed out in the order in which the tests happen to stand, or the sorted "
        "results never return to their places. Let five people line up by height, multiply, and go "
        "back to their seats; then ask whether anybody got less than somebody smaller."
    ),
    "9.4": (
        "An unjudged piece is taken out and the next one moves up, as if nobody had read it. "
        "Somebody held that page in hand: ask what it was worth to them at the worst and at the "
        "best, and whether a second good page serves them twice."
    ),
    "9.5": (
        "A question made by turning a passage round is found by both searches and separates "
        "nothing. Get one from somebody who never saw the passage, and one that quotes a code; if "
        "neither search finds anything, ask which number the first passage bears."
    ),
    "10.1": (
        "Drawing k samples is treated as k independent draws, though a card that was drawn is gone "
        "from the hat. Put in two right cards and three wrong ones, and ask how many of the ten "
        "possible hands of three hold no right card at all."
    ),
    "10.2": (
        "Chance is set to one over the number of labels, whatever the labellers like to say. Two "
        "examiners pass nine in ten with their eyes shut: ask how often they agree (82 times in "
        "100), and what is left to praise when they report 85."
    ),
    "10.3": (
        "Everything that an answer says is held against it, so a right answer with its reason "
        "loses to a curt one. Print the right answers that token F1 puts lowest and the wrong ones "
        "that it puts highest, and ask of both which single word the customer needed."
    ),
    "10.4": (
        "A limit such as 0.02 feels like judgement, because the number of questions does not occur "
        "in it. Show that fall once on 40 questions and once on 800, and ask on which of the two "
        "anybody would bet a month's pay, and what they looked at to decide."
    ),
    "10.5": (
        "Wrong answers are invented freely, share no word with the reference, and the metric puts "
        "them last as it should. Ask for the smallest edit that would harm somebody, a digit or a "
        "'not', and for the right answer in a child's words."
    ),
    "11.1": (
        "The test is written the wrong way round, or only a piece that completes a choice passes. "
        "Play it: three words are allowed, 'ret' is on the board, everybody holds a snippet, and "
        "the class says who may come next and who has left every track."
    ),
    "11.2": (
        "A loop of replacements is read as one act, though each round reads the customer's words "
        "as if they were template. Enter a customer whose name is {order} and ask what the letter "
        "says after the second round."
    ),
    "11.3": (
        "Taking the best on dev and the best on test feels thorough. Twenty wordings that are "
        "equally good enter a race: ask whether one of them wins on dev all the same, and by how "
        "much that very wording leads when new questions come."
    ),
    "11.4": (
        "The habit of 8.3, to pass over what is too long, is wrong in a conversation. Read a "
        "dialogue aloud with its longest line cut out, and ask what 'yes, that one' refers to now."
    ),
    "11.5": (
        "The model is expected to leave empty what the text does not say, so the null is put where "
        "nobody would invent anything. Ask which box of a paper form an eager stranger would fill "
        "with a guess that looks right, and make that the one that may be null."
    ),
    "12.1": (
        "The formula's x is a column and the code's inputs are rows, so matrices multiplied in the "
        "written order do not fit, or come out lying on their side. Follow one input of 4 numbers "
        "through A to 2 and through B to 3, and ask what doubling the rank does if alpha stays "
        "undivided."
    ),
    "12.2": (
        "Sizes are multiplied because A and B are multiplied in the forward pass. Draw W as a "
        "rectangle, A as a strip along its top and B as a strip down its side, and ask for the "
        "area of the two strips, and then of a house with so many such floors."
    ),
    "12.3": (
        "Tokens are picked by what they are, and the end token is lumped with the padding. Colour "
        "the row as a ribbon of four pieces with the same word in two of them, and ask what "
        "becomes of a pupil whose full stops were never marked."
    ),
    "12.4": (
        "Examples with a new wording and a known value want to go somewhere, and on either side "
        "they give something away. Draw wordings against values as a grid, shade some of each, and "
        "ask which corner is new in both, which in neither, and what the rest would tell the "
        "model."
    ),
    "12.5": (
        "All wordings sound like the manual, and what is to be declined is about the weather. Ask "
        "for the sentence in which a colleague uses the tool's own words and wants something else, "
        "such as to cancel, and what a model says to it that never saw a refusal."
    ),
    "13.1": (
        "eval behind a list of permitted characters looks like a parser, and a reading from left "
        "to right looks finished. Put 2 + 3 * 4, 2 +, 2 + 3) and 20 - 5 - 3 on the board and ask "
        "for each which line of the program has to notice."
    ),
    "13.2": (
        "Going in circles is pictured as one call three times running, but two calls that "
        "alternate never repeat themselves at once. Lay the cards A B A B A, ask at which you call "
        "stop, and then write the same card with its arguments in another order."
    ),
    "13.3": (
        "Numbers are looked for as text, and a run that ended without an answer passes for a "
        "polite no. Let five printed answers be marked by hand, 160, LK-204 and '2,248.' among "
        "them, and have the marker say which rule was used before any of it is coded."
    ),
    "13.4": (
        "The schema describes good arguments and fences nothing off, so a list or a name too many "
        "walks in. Give the tool to a neighbour whose task is to call it in five ways that its "
        "author did not mean."
    ),
    "14.1": (
        "Three quantities melt into one: the bound, chance's part of it, and what the server asked "
        "for. Fill a table for attempts 0, 1, 5 and 1000, first with draw = 1, then with draw = 0 "
        "and three seconds asked, and name in each cell which of the three speaks."
    ),
    "14.2": (
        "The last question alone becomes the key, or texts are glued until two requests look like "
        "one. Ask for pairs that read alike and must not get the same reply: another system "
        "prompt, another temperature, 'ab' then 'c' against 'a' then 'bc'."
    ),
    "14.3": (
        "A function that recognises one good refund is written, while its caller is an opponent. "
        "Half of the class attacks, with nan, True, an order inside a longer number or a line end "
        "behind it; the other half points at the line that refuses."
    ),
    "14.4": (
        "Once the wanted query passes, the pattern counts as done, and nobody has tried what it "
        "must refuse. Ask for four strings that hold the good query and are worse: a condition, "
        "two tables, a comment in place of a blank, a line end."
    ),
    "14.5": (
        "Attacks are expected to sound hostile, and the detector knows the hostile words. Ask how "
        "a charming guest gets a barman to talk about the other customers, and which honest "
        "complaint cannot do without the word 'ignore'."
    ),
    "15.1": (
        "Holes are filled with 0 or skipped so that the lists fit, and the question on which the "
        "new version crashed leaves the record. Lay two printed score sheets side by side, one in "
        "another order and with a line torn off: what do you tell the person who signs?"
    ),
    "15.2": (
        "The clock is started when the service turns to a request, and by then the harm is done. "
        "Three people reach a counter at 9:00, 9:01 and 9:02 and the first needs ten minutes: ask "
        "the third when the visit began, and by whose watch."
    ),
    "15.3": (
        "The longest bar is blamed, and it is the queue; left out too early, it changes which "
        "requests are slow at all. In a supermarket with a long line, ask what you would repair, "
        "the line or the till, and whose minutes tell you."
    ),
    "15.4": (
        "One question in five sounds like a margin of 0.2, as if the sample were everybody. "
        "Suppose half of all answers got worse: ask how often five questions show none of it (0.5 "
        "to the fifth is 0.03, still above 0.025), and which margin is needed then."
    ),
}

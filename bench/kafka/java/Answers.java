package bench;

/**
 * The input, the same for every contender and every run: who answered what. As ../answers.ts has it.
 *
 * <p>Key: {@code test/student}. Value, tab-separated: answer id, question id, option, time in milliseconds.
 */
final class Answers {
    static final int QUESTIONS_PER_TEST = 20;
    static final int STUDENTS_PER_TEST = 500;
    private static final int PER_TEST = QUESTIONS_PER_TEST * STUDENTS_PER_TEST;

    private Answers() {}

    static String keyOf(long index) {
        return "t" + index / PER_TEST + "/student-" + index % STUDENTS_PER_TEST;
    }

    static String valueOf(long index, long timestampMs) {
        long question = index % PER_TEST / STUDENTS_PER_TEST;
        char option = "abcd".charAt((int) (index * 7 % 4));
        return "a" + index + "\tq" + question + "\t" + option + "\t" + timestampMs;
    }

    /** The time of an answer that is there before the run. */
    static long indexTimestampMs(long index) {
        return 1_700_000_000_000L + index;
    }

    static boolean isCorrect(String questionId, String option) {
        int question = Integer.parseInt(questionId, 1, questionId.length(), 10);
        return option.charAt(0) == "abcd".charAt(question % 4);
    }
}

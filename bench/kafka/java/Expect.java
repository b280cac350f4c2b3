package bench;

import java.util.HashMap;
import java.util.Map;

/** Prints the digest of the facts of so many answers, computed without Kafka. Arguments: any, number of answers. */
public final class Expect {
    private Expect() {}

    public static void main(String[] arguments) {
        Map<String, StudentTest> states = new HashMap<>();
        Facts facts = new Facts();
        for (long index = 0; index < Long.parseLong(arguments[1]); index++) {
            String key = Answers.keyOf(index);
            StudentTest state = states.computeIfAbsent(key, unused -> new StudentTest());
            long timestampMs = Answers.indexTimestampMs(index);
            String[] answer = Answers.valueOf(index, timestampMs).split("\t");
            StudentTest.Question question = state.join(answer[0], answer[1], answer[2], timestampMs);
            facts.interaction(key + "/" + question.id, state.interactionOf(question));
            facts.summary(key, state.summary());
        }
        System.out.println(facts.digest());
    }
}

package bench;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;

/** What one student has answered in one test: one value of the store. */
final class StudentTest {
    static final Serde<StudentTest> SERDE = Serdes.serdeFrom(serializer(), deserializer());

    record Answer(String id, String option, long timestampMs) {}

    static final class Question {
        final String id;
        final List<Answer> answers = new ArrayList<>(2);

        Question(String id) {
            this.id = id;
        }
    }

    final List<Question> questions = new ArrayList<>();

    /** The question that was answered; null where the answer is known already. */
    Question join(String answerId, String questionId, String option, long timestampMs) {
        Question answered = null;
        for (Question question : questions) {
            for (Answer known : question.answers) if (known.id.equals(answerId)) return null;
            if (question.id.equals(questionId)) answered = question;
        }
        if (answered == null) {
            answered = new Question(questionId);
            questions.add(answered);
        }
        answered.answers.add(new Answer(answerId, option, timestampMs));
        return answered;
    }

    /** First and last time, answers, final option, correct, revisited, time spent. */
    String interactionOf(Question question) {
        long firstMs = Long.MAX_VALUE;
        Answer last = null;
        for (Answer answer : question.answers) {
            firstMs = Math.min(firstMs, answer.timestampMs);
            if (last == null || isLater(answer, last)) last = answer;
        }
        int count = question.answers.size();
        return firstMs + "\t" + last.timestampMs + "\t" + count + "\t" + last.option + "\t"
                + Answers.isCorrect(question.id, last.option) + "\t" + (count > 1) + "\t"
                + (last.timestampMs - firstMs);
    }

    /** Questions attempted, revisited, correct, share of correct ones in per mille, start, last answer. */
    String summary() {
        int revisited = 0;
        int correct = 0;
        long startMs = Long.MAX_VALUE;
        long lastMs = Long.MIN_VALUE;
        for (Question question : questions) {
            Answer last = null;
            for (Answer answer : question.answers) {
                startMs = Math.min(startMs, answer.timestampMs);
                lastMs = Math.max(lastMs, answer.timestampMs);
                if (last == null || isLater(answer, last)) last = answer;
            }
            if (question.answers.size() > 1) revisited++;
            if (Answers.isCorrect(question.id, last.option)) correct++;
        }
        int attempted = questions.size();
        return attempted + "\t" + revisited + "\t" + correct + "\t" + 1000 * correct / attempted + "\t" + startMs + "\t"
                + lastMs;
    }

    private static boolean isLater(Answer answer, Answer than) {
        if (answer.timestampMs != than.timestampMs) return answer.timestampMs > than.timestampMs;
        return answer.id.compareTo(than.id) > 0;
    }

    /** Counts as two bytes, text behind its length, times as eight bytes. */
    private static Serializer<StudentTest> serializer() {
        return (topic, state) -> {
            int length = 2;
            for (Question question : state.questions) {
                length += 4 + question.id.length();
                for (Answer answer : question.answers) length += 12 + answer.id.length() + answer.option.length();
            }
            ByteBuffer bytes = ByteBuffer.allocate(length);
            bytes.putShort((short) state.questions.size());
            for (Question question : state.questions) {
                putText(bytes, question.id);
                bytes.putShort((short) question.answers.size());
                for (Answer answer : question.answers) {
                    putText(bytes, answer.id);
                    putText(bytes, answer.option);
                    bytes.putLong(answer.timestampMs);
                }
            }
            return bytes.array();
        };
    }

    private static Deserializer<StudentTest> deserializer() {
        return (topic, data) -> {
            if (data == null) return null;
            ByteBuffer bytes = ByteBuffer.wrap(data);
            StudentTest state = new StudentTest();
            for (int questions = bytes.getShort(); questions > 0; questions--) {
                Question question = new Question(text(bytes));
                for (int answers = bytes.getShort(); answers > 0; answers--) {
                    question.answers.add(new Answer(text(bytes), text(bytes), bytes.getLong()));
                }
                state.questions.add(question);
            }
            return state;
        };
    }

    private static void putText(ByteBuffer bytes, String text) {
        bytes.putShort((short) text.length());
        bytes.put(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private static String text(ByteBuffer bytes) {
        int length = bytes.getShort();
        String text = new String(bytes.array(), bytes.position(), length, StandardCharsets.ISO_8859_1);
        bytes.position(bytes.position() + length);
        return text;
    }
}

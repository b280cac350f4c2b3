package judge;

import static judge.Stateless.input;

import java.util.Map;
import judge.Topologies.Topology;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.StreamJoined;

/** Streams with streams. */
final class StreamJoins {
    private StreamJoins() {}

    static void addTo(Map<String, Topology> all) {
        all.put("stream-join", (b, p) -> input(b)
                .join(other(b), StreamJoins::joined, windows(p), kept()).to("out"));
        all.put("stream-left-join", (b, p) -> input(b)
                .leftJoin(other(b), StreamJoins::joined, windows(p), kept()).to("out"));
        all.put("stream-outer-join", (b, p) -> input(b)
                .outerJoin(other(b), StreamJoins::joined, windows(p), kept()).to("out"));
        all.put("stream-inner-before-and-after", (b, p) -> input(b)
                .join(other(b), StreamJoins::joined, beforeAndAfter(p), kept()).to("out"));
        all.put("stream-left-before-and-after", (b, p) -> input(b)
                .leftJoin(other(b), StreamJoins::joined, beforeAndAfter(p), kept()).to("out"));
        all.put("stream-outer-before-and-after", (b, p) -> input(b)
                .outerJoin(other(b), StreamJoins::joined, beforeAndAfter(p), kept()).to("out"));
        all.put("stream-join-by-new-key", (b, p) -> input(b).selectKey((key, value) -> value)
                .join(other(b), StreamJoins::joined, windows(p), kept()).to("out"));
    }

    private static KStream<String, String> other(StreamsBuilder builder) {
        return builder.stream("other");
    }

    private static JoinWindows windows(Parameters parameters) {
        return JoinWindows.ofTimeDifferenceAndGrace(parameters.duration("differenceMs"), parameters.duration("graceMs"));
    }

    private static JoinWindows beforeAndAfter(Parameters parameters) {
        return new KeptLonger(JoinWindows
                .ofTimeDifferenceAndGrace(parameters.duration("differenceMs"), parameters.duration("graceMs"))
                .before(parameters.duration("beforeMs")).after(parameters.duration("afterMs")));
    }

    /** Its stores keep a record for as long as a partner may come: see late-by-more in docs/semantics.md. */
    private static final class KeptLonger extends JoinWindows {
        private KeptLonger(JoinWindows windows) {
            super(windows);
        }

        /** The stores alone ask for it. */
        @Override
        public long size() {
            return Math.max(0, beforeMs) + Math.max(0, afterMs) + 1;
        }
    }

    private static StreamJoined<String, String, String> kept() {
        return StreamJoined.with(Serdes.String(), Serdes.String(), Serdes.String()).withName("joined")
                .withStoreName("joined");
    }

    private static String joined(String value, String other) {
        return value + "|" + other;
    }
}

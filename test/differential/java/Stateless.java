package judge;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import judge.Topologies.Topology;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Branched;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Repartitioned;

/** The operators that look at one record and nothing else. */
final class Stateless {
    private Stateless() {}

    static void addTo(Map<String, Topology> all) {
        all.put("map", (b, p) -> input(b).map((key, value) -> new KeyValue<>(value, key)).to("out"));
        all.put("map-values", (b, p) -> input(b).mapValues(Stateless::changed).to("out"));
        all.put("map-values-with-key", (b, p) -> input(b).mapValues((key, value) -> key + "=" + value).to("out"));
        all.put("flat-map", (b, p) -> input(b).flatMap((key, value) -> {
            List<KeyValue<String, String>> pairs = new ArrayList<>();
            for (String letter : letters(value)) pairs.add(new KeyValue<>(letter, key));
            return pairs;
        }).to("out"));
        all.put("flat-map-values", (b, p) -> input(b).flatMapValues(value -> letters(value)).to("out"));
        all.put("filter", (b, p) -> input(b).filter(Stateless::passes).to("out"));
        all.put("filter-not", (b, p) -> input(b).filterNot(Stateless::passes).to("out"));
        all.put("peek", (b, p) -> input(b).peek((key, value) -> {}).to("out"));
        all.put("select-key", (b, p) -> input(b).selectKey((key, value) -> value).to("out"));
        all.put("branch", (b, p) -> input(b).split()
                .branch((key, value) -> "a".equals(key), Branched.withConsumer(stream -> stream.to("out-a")))
                .branch(Stateless::passes, Branched.withConsumer(stream -> stream.to("out-passes")))
                .branch((key, value) -> value != null, Branched.withConsumer(stream -> stream.to("out-rest"))));
        all.put("merge", (b, p) -> input(b)
                .merge(b.<String, String>stream("other").mapValues(Stateless::changed)).to("out"));
        all.put("repartition", (b, p) -> input(b).repartition(Repartitioned.as("again")).to("out"));
        all.put("repartition-by-new-key", (b, p) ->
                input(b).selectKey((key, value) -> value).repartition(Repartitioned.as("again")).to("out"));
        all.put("several-children", (b, p) -> {
            KStream<String, String> input = input(b);
            input.filter(Stateless::passes).to("out-1");
            input.mapValues(Stateless::changed).to("out-2");
        });
    }

    static KStream<String, String> input(StreamsBuilder builder) {
        return builder.stream("input");
    }

    static boolean passes(String key, String value) {
        return value != null && value.contains("1");
    }

    static String changed(String value) {
        if (value == null) return "none";
        return value.equals("1") ? null : value + "!";
    }

    private static List<String> letters(String value) {
        List<String> letters = new ArrayList<>();
        if (value != null) for (char letter : value.toCharArray()) letters.add(String.valueOf(letter));
        return letters;
    }
}

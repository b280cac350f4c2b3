package judge;

import static judge.Stateless.input;

import java.util.Map;
import judge.Topologies.Topology;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.errors.LogAndContinueProcessingExceptionHandler;

/** Functions that throw on some values, whose records are left out: {@link LogAndContinueProcessingExceptionHandler}. */
final class Errors {
    /** With which the names of these topologies begin. */
    static final String PREFIX = "errors-";

    private Errors() {}

    static void addTo(Map<String, Topology> all) {
        all.put(PREFIX + "map-values", (b, p) -> input(b).mapValues(Errors::marked).to("out"));
        all.put(PREFIX + "filter", (b, p) ->
                input(b).filter((key, value) -> marked(value) != null).to("out"));
        all.put(PREFIX + "above-a-count", (b, p) -> Aggregates.numbers(
                input(b).mapValues(Errors::marked).groupByKey().count(Aggregates.longs())));
        all.put(PREFIX + "aggregate", (b, p) -> input(b).groupByKey()
                .aggregate(() -> "", (key, value, text) -> folded(text, value), Aggregates.texts())
                .toStream().to("out"));
        all.put(PREFIX + "tumbling", (b, p) -> Windows.windows(Windows.tumbling(b, p).aggregate(
                () -> "", (key, value, text) -> folded(text, value),
                Windows.inWindows(Serdes.String()))));
        all.put(PREFIX + "join", (b, p) -> input(b)
                .leftJoin(b.<String, String>table("table"), (value, row) -> marked(value) + row).to("out"));
    }

    private static String marked(String value) {
        if (value == null) return null;
        if (value.contains("2")) throw new IllegalArgumentException(value);
        return value + "!";
    }

    private static String folded(String text, String value) {
        if (value.contains("1") && !text.isEmpty()) throw new IllegalArgumentException(value);
        return text + value;
    }
}

package judge;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Properties;
import java.util.TreeSet;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.errors.LogAndContinueProcessingExceptionHandler;
import org.apache.kafka.streams.test.TestRecord;

/**
 * Runs cases through Kafka Streams' own operators. A line of standard input is a case, the line of standard
 * output that answers it is what each of its steps put into the topics named "out…":
 *
 * <pre>
 * {"topology": "map", "parameters": {}, "steps": [{"topic": "input", "key": "a", "value": "b", "timestampMs": 1,
 *   "header": "h"}, {"advanceMs": 10}]}
 * {"steps": [[{"topic": "out", "key": "b", "value": "a", "timestampMs": 1, "header": "h"}], []]}
 * </pre>
 *
 * Caching is off: every change comes out at once, as it does here.
 */
public final class Judge {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String HEADER = "note";

    private final String stores;
    private final String stateFolder;

    private Judge(String stores, String stateFolder) {
        this.stores = stores;
        this.stateFolder = stateFolder;
    }

    public static void main(String[] arguments) throws IOException {
        Judge judge = new Judge(arguments[0], arguments[1]);
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(JSON.writeValueAsString(judge.answer(JSON.readTree(line))));
        }
    }

    private ObjectNode answer(JsonNode given) {
        ObjectNode answer = JSON.createObjectNode();
        try {
            answer.set("steps", run(given));
        } catch (RuntimeException failure) {
            answer.put("error", failure + (failure.getCause() == null ? "" : " <- " + failure.getCause()));
        }
        return answer;
    }

    private ArrayNode run(JsonNode given) {
        StreamsBuilder builder = new StreamsBuilder();
        String topology = given.get("topology").asText();
        Topologies.named(topology).build(builder, new Parameters(given.get("parameters")));
        ArrayNode steps = JSON.createArrayNode();
        try (TopologyTestDriver driver =
                new TopologyTestDriver(builder.build(), settings(topology), Instant.ofEpochMilli(0))) {
            for (JsonNode step : given.get("steps")) {
                if (!step.has("advanceMs")) pipe(driver, step);
                else driver.advanceWallClockTime(Duration.ofMillis(step.get("advanceMs").asLong()));
                steps.add(drain(driver));
            }
        }
        return steps;
    }

    private Properties settings(String topology) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "judge");
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        settings.put(StreamsConfig.DSL_STORE_SUPPLIERS_CLASS_CONFIG, stores);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, stateFolder);
        if (topology.startsWith(Errors.PREFIX)) {
            settings.put(
                    StreamsConfig.PROCESSING_EXCEPTION_HANDLER_CLASS_CONFIG,
                    LogAndContinueProcessingExceptionHandler.class);
        }
        // By default results of closed windows wait for up to a second of wall clock.
        settings.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_WINDOWED_AGGREGATION, 0L);
        settings.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_OUTER_JOIN_SPURIOUS_RESULTS_FIX, 0L);
        return settings;
    }

    private static void pipe(TopologyTestDriver driver, JsonNode step) {
        RecordHeaders headers = new RecordHeaders();
        if (step.hasNonNull("header")) {
            headers.add(HEADER, step.get("header").asText().getBytes(StandardCharsets.UTF_8));
        }
        TestRecord<String, String> record = new TestRecord<>(
                step.get("key").textValue(), step.get("value").textValue(), headers, step.get("timestampMs").asLong());
        driver.createInputTopic(step.get("topic").asText(), new StringSerializer(), new StringSerializer())
                .pipeInput(record);
    }

    private static ArrayNode drain(TopologyTestDriver driver) {
        ArrayNode outputs = JSON.createArrayNode();
        for (String topic : new TreeSet<>(driver.producedTopicNames())) {
            if (!topic.startsWith("out")) continue;
            for (TestRecord<String, String> record :
                    driver.createOutputTopic(topic, new StringDeserializer(), new StringDeserializer())
                            .readRecordsToList()) {
                ObjectNode output = outputs.addObject();
                output.put("topic", topic);
                output.put("key", record.key());
                output.put("value", record.value());
                output.put("timestampMs", record.timestamp());
                Header header = record.headers().lastHeader(HEADER);
                output.put("header", header == null ? null : new String(header.value(), StandardCharsets.UTF_8));
            }
        }
        return outputs;
    }
}

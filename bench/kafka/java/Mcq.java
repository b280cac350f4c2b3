package bench;

import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The contender: Kafka Streams with the processor API and RocksDB. For each answer the interaction of student, test
 * and question, and the summary of student and test.
 *
 * <p>Arguments: bootstrap servers, application id, input, interactions, summaries, guarantee, state folder.
 */
public final class Mcq {
    private static final String STORE = "student-tests";

    private Mcq() {}

    public static void main(String[] arguments) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[1]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
                arguments[5].equals("exactly-once") ? StreamsConfig.EXACTLY_ONCE_V2 : StreamsConfig.AT_LEAST_ONCE);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[6]);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        KafkaStreams streams = new KafkaStreams(topology(arguments[2], arguments[3], arguments[4]), settings);
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }

    private static Topology topology(String input, String interactions, String summaries) {
        return new Topology()
                .addSource("answers", new StringDeserializer(), new StringDeserializer(), input)
                .addProcessor("student-test", StudentTestProcessor::new, "answers")
                .addStateStore(Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(STORE), Serdes.String(), StudentTest.SERDE)
                        .withCachingEnabled(), "student-test")
                .addSink("interactions", interactions, new StringSerializer(), new StringSerializer(), "student-test")
                .addSink("summaries", summaries, new StringSerializer(), new StringSerializer(), "student-test");
    }

    private static final class StudentTestProcessor implements Processor<String, String, String, String> {
        private ProcessorContext<String, String> context;
        private KeyValueStore<String, StudentTest> store;

        @Override
        public void init(ProcessorContext<String, String> given) {
            context = given;
            store = given.getStateStore(STORE);
        }

        @Override
        public void process(Record<String, String> record) {
            String[] answer = record.value().split("\t");
            StudentTest state = store.get(record.key());
            if (state == null) state = new StudentTest();
            StudentTest.Question question = state.join(answer[0], answer[1], answer[2], Long.parseLong(answer[3]));
            if (question == null) return;
            store.put(record.key(), state);
            context.forward(record.withKey(record.key() + "/" + question.id).withValue(state.interactionOf(question)),
                    "interactions");
            context.forward(record.withValue(state.summary()), "summaries");
        }
    }
}
